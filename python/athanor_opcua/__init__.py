"""The OPC UA client behind Athanor's `opcua` profiles, on the library asyncua. See docs/profiles.md#opcua."""
