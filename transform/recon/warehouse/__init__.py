"""The warehouse as a place: connecting to it, building it, checking it, and who may write to it at the moment."""
