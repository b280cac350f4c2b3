package judge;

import static judge.Stateless.input;
import static judge.Windows.windows;

import java.util.Map;
import judge.Topologies.Topology;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.CogroupedKStream;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.SessionStore;

/** Several grouped streams in one aggregate. */
final class Cogroups {
    private Cogroups() {}

    static void addTo(Map<String, Topology> all) {
        all.put("cogroup", (b, p) -> both(b).aggregate(() -> "", Aggregates.texts()).toStream().to("out"));
        all.put("cogroup-by-new-key", (b, p) -> input(b).groupBy((key, value) -> value, Grouped.as("by-value"))
                .cogroup((String key, String value, String text) -> text + value)
                .cogroup(b.<String, String>stream("other").groupByKey(), (key, value, text) -> text + "-" + value)
                .aggregate(() -> "", Aggregates.texts()).toStream().to("out"));
        all.put("cogroup-tumbling", (b, p) -> windows(both(b)
                .windowedBy(TimeWindows.ofSizeAndGrace(p.duration("sizeMs"), p.duration("graceMs")))
                .aggregate(() -> "", OverlappingWindows.kept(Serdes.String()))));
        all.put("cogroup-sliding", (b, p) -> windows(both(b)
                .windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(p.duration("differenceMs"), p.duration("graceMs")))
                .aggregate(() -> "", OverlappingWindows.kept(Serdes.String()))));
        all.put("cogroup-session", (b, p) -> windows(both(b)
                .windowedBy(SessionWindows.ofInactivityGapAndGrace(p.duration("gapMs"), p.duration("graceMs")))
                .aggregate(() -> "", (key, one, other) -> one + "+" + other, inSessions(p))));
    }

    /** Values of one stream behind a plus, of the other behind a minus. */
    private static CogroupedKStream<String, String> both(StreamsBuilder builder) {
        return input(builder).groupByKey().cogroup((String key, String value, String text) -> text + "+" + value)
                .cogroup(builder.<String, String>stream("other").groupByKey(),
                        (key, value, text) -> text + "-" + value);
    }

    private static Materialized<String, String, SessionStore<Bytes, byte[]>> inSessions(Parameters parameters) {
        return Materialized.<String, String, SessionStore<Bytes, byte[]>>as("sessions")
                .withKeySerde(Serdes.String()).withValueSerde(Serdes.String()).withCachingDisabled()
                .withRetention(parameters.duration("gapMs").multipliedBy(2).plus(parameters.duration("graceMs"))
                        .plusMillis(1));
    }
}
