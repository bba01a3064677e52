"""A verdict on a changed procedure, before anybody tries it on a cluster."""
