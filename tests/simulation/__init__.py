"""Tests of the simulation: that it can fail, replays, and holds the service to its promises."""
