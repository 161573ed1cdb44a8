cellar = client.networks.get("cellar")
cellar.connect("cashier")
cellar.connect("vault")
client.networks.get("hall").disconnect("vault")
