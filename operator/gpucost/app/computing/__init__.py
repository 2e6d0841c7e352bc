"""From the sources to ledgers and reports, for the operator and for the command line."""
