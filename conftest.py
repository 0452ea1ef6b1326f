"""What every test of this repository shares. The suite's own fixtures come from the plugin `windtunnel.plugin`."""

from hypothesis import settings

pytest_plugins = ["pytester"]

# How long an example takes says nothing here: machines are shared.
settings.register_profile("windtunnel", deadline=None)
# pytest --hypothesis-profile=nightly: what the tests of robustness are meant to hold, in minutes instead of seconds.
settings.register_profile("nightly", deadline=None, max_examples=10_000)
settings.load_profile("windtunnel")
