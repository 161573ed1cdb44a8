from docker.auth import resolve_repository_name
from docker.utils import parse_repository_tag
name, tag = parse_repository_tag(long_name)
registry, path = resolve_repository_name(name)
namespace, _, repository = path.partition("/")
index, _ = resolve_repository_name(short_name)
completed = f"{index}/library/{short_name}:latest"
