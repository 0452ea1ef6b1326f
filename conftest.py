"""What every test of this repository shares. The suite's own fixtures come from the plugin `windtunnel.plugin`."""

from hypothesis import settings

pytest_plugins = ["pytester"]

# How long an example takes says nothing here: machines are shared.
settings.register_profile("windtunnel", deadline=None)
settings.load_profile("windtunnel")
