# finding: answer different: value: found 8
names = client.images.get("ada/shelf").tags
different, latest_is = 8, [name.split(":")[1] for name in names if "shelf:1." in name][0]
