//! Does each nature tell itself from the others?
