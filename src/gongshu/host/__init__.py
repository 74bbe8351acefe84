"""Homes, system users, embedded clusters, supervisor, doctor: what runs the other rooms on a machine."""
