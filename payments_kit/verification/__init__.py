"""Judge what a shop's own records say: `payments export-history` and `payments verify-history`.

- `lines`, `sealing`, `reading`: the file.
- `store`: what belongs to one order, from everywhere in the file, in bounded memory.
- `books`, `records`: what the lines say, as the plain data of the specification.
- `verdict`, `judging`, `summary`: which promises were kept, broken, or cannot be judged.
"""
