//! The report for Prometheus.

use protocol::exposition::Exposition;

use super::Report;

impl Report {
    /// The numbers of the report as Prometheus reads them (`GET /metrics`). Counters of the spool live as long as it does.
    pub fn metrics(&self) -> String {
        let mut of = Exposition::default();
        of.counter("drawbridge_shim_accepted", "Readings made durable in the life of the spool.", self.accepted);
        of.counter("drawbridge_shim_delivered", "Readings that the cloud has.", self.delivered);
        of.gauge("drawbridge_shim_held", "Readings still to be delivered.", self.held);
        let evicted = &self.evicted;
        let causes =
            [("quota", evicted.quota), ("disk_full", evicted.disk_full), ("corrupt", evicted.corrupt), ("refused", evicted.refused)];
        of.counters("drawbridge_shim_evicted_total", "Readings given up, by cause.", "cause", causes);
        let rejected = &self.rejected;
        let causes = [("quota", rejected.quota), ("disk_full", rejected.disk_full), ("too_large", rejected.too_large)];
        of.counters("drawbridge_shim_rejected_total", "Readings refused at intake since the start, by cause.", "cause", causes);
        of.gauge("drawbridge_shim_spool_bytes", "Bytes of the spool on disk.", self.bytes_on_disk);
        let oldest = self.oldest_age_ms.unwrap_or(0) / 1000;
        of.gauge("drawbridge_shim_oldest_age_seconds", "Age of the oldest reading held; 0 when none is.", oldest);
        of.counter("drawbridge_shim_quarantined", "Generations set aside as corrupt in the life of the spool.", self.quarantined);
        of.counter("drawbridge_shim_appends_waited", "Appends that waited for room before the disk since the start.", self.appends_waited);
        of.gauge("drawbridge_shim_clock_offset_ms", "What is added to the device's clock to have the cloud's.", self.clock_offset_ms);
        self.line(&mut of);
        of.finish()
    }

    fn line(&self, of: &mut Exposition) {
        let link = &self.link;
        of.gauge("drawbridge_shim_connected", "1 while the line is up, 0 while it is not.", u8::from(link.state == "connected"));
        of.counter("drawbridge_shim_connects", "Sessions begun since the start.", link.connects);
        of.counter("drawbridge_shim_losses", "Attempts and sessions that failed since the start.", link.losses);
        of.gauge("drawbridge_shim_in_flight", "Readings sent and not acknowledged.", link.in_flight);
        let intake = &self.intake;
        of.gauge("drawbridge_shim_intake_connections", "Local connections open now.", intake.connections);
        of.counter(
            "drawbridge_shim_intake_connections_refused",
            "Local connections closed because there were too many.",
            intake.connections_refused,
        );
        of.counter("drawbridge_shim_commands_dropped", "Commands that no local subscriber had room for.", intake.commands_dropped);
    }
}
