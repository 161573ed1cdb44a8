# finding: CMD: expected
import io
forget("salute-plain", "salute-anna", image="salute")
recipe = 'FROM busybox\nENTRYPOINT ["echo", "hello"]\nCMD ' + mine.word("salute")
client.images.build(fileobj=io.BytesIO(recipe.encode()), tag="salute", rm=True)
client.containers.run("salute", name="salute-plain")
client.containers.run("salute", ["anna"], name="salute-anna")
