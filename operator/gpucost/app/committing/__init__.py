"""What is written: records, reports, the close of days and months, and what is kept."""
