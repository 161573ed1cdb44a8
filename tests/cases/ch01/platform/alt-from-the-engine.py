known = client.version()
platform = f"{known['Os']}/{known['Arch']}"
suits = True
