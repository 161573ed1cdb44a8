# finding: command without entry point: expected ["anna"], found ["hello", "anna"]
import io
forget("salute-plain", "salute-anna", image="salute")
recipe = 'FROM busybox\nENTRYPOINT ["echo", "hello"]\nCMD ["' + mine.word("salute") + '"]'
client.images.build(fileobj=io.BytesIO(recipe.encode()), tag="salute", rm=True)
client.containers.run("salute", name="salute-plain")
client.containers.run("salute", ["hello", "anna"], name="salute-anna")
