"""What operators see: traces, metrics and logs. Everything counts here, and nothing decides here.

Code records through OpenTelemetry's API, which does nothing until `telemetry.setup` has given it
somewhere to send things; so tests and job types need not know whether anybody watches.
"""
