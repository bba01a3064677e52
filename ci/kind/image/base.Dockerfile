# The base image where Debian's packages can be had.
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends ovn-central openvswitch-common && rm -rf /var/lib/apt/lists/*
