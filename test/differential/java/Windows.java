package judge;

import static judge.Stateless.input;

import java.util.Map;
import judge.Topologies.Topology;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.SessionWindowedKStream;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.TimeWindowedKStream;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.WindowStore;

/** Folds by key and window. A windowed key comes out as text: key@start/end. */
final class Windows {
    private Windows() {}

    static void addTo(Map<String, Topology> all) {
        all.put("tumbling-count", (b, p) -> windows(tumbling(b, p).count(inWindows(Serdes.Long()))));
        all.put("tumbling-reduce", (b, p) -> windows(tumbling(b, p)
                .reduce((text, value) -> text + "," + value, inWindows(Serdes.String()))));
        all.put("tumbling-aggregate", (b, p) -> windows(tumbling(b, p).aggregate(
                () -> "", (key, value, text) -> value.equals("1") ? null : text + value, inWindows(Serdes.String()))));
        all.put("tumbling-by-new-key", (b, p) -> windows(input(b)
                .groupBy((key, value) -> value, Grouped.as("by-value")).windowedBy(windowsOf(p))
                .count(inWindows(Serdes.Long()))));
        all.put("tumbling-by-window", (b, p) -> Aggregates.numbers(tumbling(b, p).count(inWindows(Serdes.Long()))
                .groupBy((windowed, count) -> new KeyValue<>(Long.toString(windowed.window().start()), count),
                        Grouped.<String, Long>as("by-window").withValueSerde(Serdes.Long()))
                .reduce((sum, count) -> sum + count, (sum, count) -> sum - count, Aggregates.longs())));
        all.put("session-count", (b, p) -> windows(sessions(b, p).count(inSessions(p, Serdes.Long()))));
        all.put("session-reduce", (b, p) -> windows(sessions(b, p)
                .reduce((text, value) -> text + "," + value, inSessions(p, Serdes.String()))));
        all.put("session-aggregate", (b, p) -> windows(sessions(b, p).aggregate(
                () -> "", (key, value, text) -> text + value, (key, one, other) -> one + "+" + other,
                inSessions(p, Serdes.String()))));
    }

    static KGroupedStream<String, String> grouped(StreamsBuilder builder) {
        return input(builder).groupByKey();
    }

    static TimeWindowedKStream<String, String> tumbling(StreamsBuilder builder, Parameters parameters) {
        return grouped(builder).windowedBy(windowsOf(parameters));
    }

    private static TimeWindows windowsOf(Parameters parameters) {
        return TimeWindows.ofSizeAndGrace(parameters.duration("sizeMs"), parameters.duration("graceMs"));
    }

    private static SessionWindowedKStream<String, String> sessions(StreamsBuilder builder, Parameters parameters) {
        return grouped(builder).windowedBy(
                SessionWindows.ofInactivityGapAndGrace(parameters.duration("gapMs"), parameters.duration("graceMs")));
    }

    static <V> void windows(KTable<Windowed<String>, V> table) {
        table.toStream().map((windowed, value) -> new KeyValue<>(
                windowed.key() + "@" + windowed.window().start() + "/" + windowed.window().end(),
                value == null ? null : value.toString())).to("out");
    }

    static <V> Materialized<String, V, WindowStore<Bytes, byte[]>> inWindows(
            Serde<V> serde) {
        return Materialized.<String, V, WindowStore<Bytes, byte[]>>as("windows")
                .withKeySerde(Serdes.String()).withValueSerde(serde).withCachingDisabled();
    }

    /** Kept as long as ours are: see "Where the judge is set up as we are" in docs/semantics.md. */
    private static <V> Materialized<String, V, SessionStore<Bytes, byte[]>> inSessions(
            Parameters parameters, Serde<V> serde) {
        return Materialized.<String, V, SessionStore<Bytes, byte[]>>as("sessions")
                .withKeySerde(Serdes.String()).withValueSerde(serde).withCachingDisabled()
                .withRetention(parameters.duration("gapMs").multipliedBy(2).plus(parameters.duration("graceMs"))
                        .plusMillis(1));
    }
}
