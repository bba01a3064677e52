"""A whole cluster in memory: fake_raft's servers as the containers of fake_kube's pods, in virtual time."""
