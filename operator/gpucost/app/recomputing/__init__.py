"""Days computed once more with the rates of now, and what that changes."""
