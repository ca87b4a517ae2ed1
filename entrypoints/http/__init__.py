"""The HTTP service.

A request passes through middleware, a route (`*_routes`), a handler (`handlers`) and a use case.

- Without a web framework: `handlers`, `idempotency`, `background_tasks`, `errors`, `replies`,
  `json_fields`, `request_bodies`, `request_fields`, `reply_bodies`, `validation`. The simulation
  runs these unchanged. The worker has the same `probes`.
- On Litestar: `app` and its routes, `requests`, `request_head`, `responses`, `middleware`,
  `openapi` (with `openapi_operations`, `openapi_errors` and `openapi_document`).
- The sender of a request: `auth`, `jwks`, `client_address`.
- The process: `dependencies`, `metrics`, `server`.
"""
