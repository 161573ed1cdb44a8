# finding: file /memoir: expected one with 'tuesday', found 'monday
client.containers.get("memoir").reload()
