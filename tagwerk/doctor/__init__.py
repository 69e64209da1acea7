"""The doctor: looks at everything that an installation stands on and says what to set. It changes nothing."""
