hall, cellar = client.networks.get("hall"), client.networks.get("cellar")
hall.disconnect("vault")
cellar.connect("vault", aliases=["safe"])
cellar.connect("cashier")
