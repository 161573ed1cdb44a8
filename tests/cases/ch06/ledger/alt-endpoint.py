forget("books", "reader", network="estate")
client.networks.create("estate")
place = {"estate": client.api.create_endpoint_config(aliases=["db", "ledger"])}
client.containers.run("training/webapp", "python app.py", name="books", network="estate",
                      networking_config=place, detach=True)
client.containers.run("busybox", "sleep 1000", name="reader", network="estate", detach=True)
