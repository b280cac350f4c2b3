package judge;

import static judge.OverlappingWindows.hopping;
import static judge.OverlappingWindows.kept;
import static judge.OverlappingWindows.sliding;
import static judge.Windows.grouped;
import static judge.Windows.windows;

import java.time.Duration;
import java.util.Map;
import judge.Topologies.Topology;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.SessionWindowedKStream;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.Suppressed.BufferConfig;
import org.apache.kafka.streams.kstream.TimeWindowedKStream;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.SessionStore;

/** Windows that put out their last value alone, and tables that put out less often than they change. */
final class FinalResults {
    private FinalResults() {}

    static void addTo(Map<String, Topology> all) {
        all.put("tumbling-on-close", (b, p) -> windows(tumbling(b, p)
                .emitStrategy(EmitStrategy.onWindowClose()).count(kept(Serdes.Long()))));
        all.put("hopping-on-close", (b, p) -> windows(hopping(b, p)
                .emitStrategy(EmitStrategy.onWindowClose()).count(kept(Serdes.Long()))));
        all.put("sliding-on-close", (b, p) -> windows(sliding(b, p)
                .emitStrategy(EmitStrategy.onWindowClose()).count(kept(Serdes.Long()))));
        all.put("session-on-close", (b, p) -> windows(sessions(b, p)
                .emitStrategy(EmitStrategy.onWindowClose()).count(inSessions())));
        all.put("tumbling-suppressed", (b, p) -> windows(tumbling(b, p).count(kept(Serdes.Long()))
                .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()))));
        all.put("hopping-suppressed", (b, p) -> windows(hopping(b, p).count(kept(Serdes.Long()))
                .filter((key, count) -> count != 2L)
                .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()))));
        all.put("sliding-suppressed", (b, p) -> windows(sliding(b, p).count(kept(Serdes.Long()))
                .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()))));
        all.put("session-suppressed", (b, p) -> windows(sessions(b, p).count(inSessions())
                .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()))));
        all.put("count-suppressed", (b, p) -> Aggregates.numbers(grouped(b).count(Aggregates.longs())
                .suppress(Suppressed.untilTimeLimit(p.duration("limitMs"), BufferConfig.unbounded()))));
        all.put("table-suppressed", (b, p) -> Tables.table(b, "table")
                .suppress(Suppressed.untilTimeLimit(p.duration("limitMs"), BufferConfig.unbounded()))
                .toStream().to("out"));
    }

    static TimeWindowedKStream<String, String> tumbling(StreamsBuilder builder, Parameters parameters) {
        return grouped(builder).windowedBy(
                TimeWindows.ofSizeAndGrace(parameters.duration("sizeMs"), parameters.duration("graceMs")));
    }

    static SessionWindowedKStream<String, String> sessions(StreamsBuilder builder, Parameters parameters) {
        return grouped(builder).windowedBy(
                SessionWindows.ofInactivityGapAndGrace(parameters.duration("gapMs"), parameters.duration("graceMs")));
    }

    static Materialized<String, Long, SessionStore<Bytes, byte[]>> inSessions() {
        return Materialized.<String, Long, SessionStore<Bytes, byte[]>>as("sessions").withRetention(Duration.ofDays(1))
                .withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()).withCachingDisabled();
    }
}
