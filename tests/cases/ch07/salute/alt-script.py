# A shell as entrypoint that looks at its words.
import io
forget("salute-plain", "salute-anna", image="salute")
word = mine.word("salute")
recipe = f'FROM busybox\nENTRYPOINT ["sh", "-c", "echo hello \\"$0\\""]\nCMD ["{word}"]\n'
client.images.build(fileobj=io.BytesIO(recipe.encode()), tag="salute", rm=True)
client.containers.run("salute", name="salute-plain")
client.containers.run("salute", "anna", name="salute-anna")
