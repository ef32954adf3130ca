"""Who may deploy from GitHub Actions, and how far each environment's roles reach."""

from stacks.foundation.deployment.roles import DeployRoles

__all__ = ["DeployRoles"]
