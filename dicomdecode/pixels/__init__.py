"""Frames -> values: from where a frame lies in the file to the array that is returned. `decode` is the door."""
