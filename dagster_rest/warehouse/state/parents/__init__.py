"""What a child keeps of its parents: their rows, which it has consumed, which failed, and a cursor for each."""
