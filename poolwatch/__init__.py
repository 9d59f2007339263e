"""The command line: puts models, streams and simulators together."""
