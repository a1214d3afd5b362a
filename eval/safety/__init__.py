"""Whether short messages stay harmless: inputs that public systems are blamed for, and rules for what comes out."""
