package escs

// ResultEncoder writes the request that sends results to the platform (escs E8).
type ResultEncoder any
