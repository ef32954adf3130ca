"""The API's reference: its OpenAPI document, and a page that shows it without any script or server."""
