"""Calls that fail, hang, repeat themselves and come all at once, and what to do about each."""
