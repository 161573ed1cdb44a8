from docker.auth import resolve_repository_name
from docker.utils import parse_repository_tag
name, tag = parse_repository_tag(long_name)
registry, repository = resolve_repository_name(name)
index, _ = resolve_repository_name(short_name)
completed = f"{index}/library/{short_name}:latest"
