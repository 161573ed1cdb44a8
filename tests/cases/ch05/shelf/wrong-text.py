# finding: The value is right, its type is not
different = "6"
names = client.images.get("ada/shelf").tags
latest_is = [name.split(":")[1] for name in names if "shelf:1." in name][0]
