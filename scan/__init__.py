"""What other people's tools say of the platform: `make scan`.

Evidence is collected (the synthesized JSON of every environment, and plans of it made before and after it was
deployed to a local AWS), every gate looks at it, and what the gates find must be exactly what
`policies/waivers.toml` argues. How much they looked at is recorded in `policies/evaluated.json`.
"""
