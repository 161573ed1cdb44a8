# finding: network cellar: containers: expected
client.networks.list(names=["hall", "cellar"])
