"""The parts of Kubernetes and of Kube-OVN's ovn-central that a membership change meets."""
