"""The variables of one topic each, with what only they have to be parsed by."""
