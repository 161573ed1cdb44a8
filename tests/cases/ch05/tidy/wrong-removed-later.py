# finding: layers: expected 1 on top of 'busybox', found 2 layers more
forget("tidy", image="ada/tidy:1.0")
recipe = Path("build/tidy/Dockerfile").read_text()
Path("build/tidy/Dockerfile").write_text(recipe.replace("CMD", "RUN rm /site/secret.key\nCMD"))
!docker build -q -t ada/tidy:1.0 build/tidy
!docker run --name tidy ada/tidy:1.0
