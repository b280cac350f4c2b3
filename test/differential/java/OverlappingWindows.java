package judge;

import static judge.Windows.grouped;
import static judge.Windows.windows;

import java.time.Duration;
import java.util.Map;
import judge.Topologies.Topology;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.TimeWindowedKStream;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.WindowStore;

/** Folds by windows of which a record belongs to several: hopping and sliding ones. */
final class OverlappingWindows {
    /** Longer than any case: a window is read and handed on even when stream time has leapt past it. */
    private static final Duration KEPT = Duration.ofDays(1);

    private OverlappingWindows() {}

    static void addTo(Map<String, Topology> all) {
        all.put("hopping-count", (b, p) -> windows(hopping(b, p).count(kept(Serdes.Long()))));
        all.put("hopping-reduce", (b, p) -> windows(hopping(b, p)
                .reduce((text, value) -> text + "," + value, kept(Serdes.String()))));
        all.put("hopping-aggregate", (b, p) -> windows(hopping(b, p).aggregate(
                () -> "", (key, value, text) -> value.equals("1") ? null : text + value, kept(Serdes.String()))));
        all.put("sliding-count", (b, p) -> windows(sliding(b, p).count(kept(Serdes.Long()))));
        all.put("sliding-reduce", (b, p) -> windows(sliding(b, p)
                .reduce((text, value) -> text + "," + value, kept(Serdes.String()))));
        all.put("sliding-aggregate", (b, p) -> windows(sliding(b, p).aggregate(
                () -> "", (key, value, text) -> text + value, kept(Serdes.String()))));
    }

    static TimeWindowedKStream<String, String> hopping(StreamsBuilder builder, Parameters parameters) {
        return grouped(builder).windowedBy(TimeWindows
                .ofSizeAndGrace(parameters.duration("sizeMs"), parameters.duration("graceMs"))
                .advanceBy(parameters.duration("advanceMs")));
    }

    static TimeWindowedKStream<String, String> sliding(StreamsBuilder builder, Parameters parameters) {
        return grouped(builder).windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(
                parameters.duration("differenceMs"), parameters.duration("graceMs")));
    }

    static <V> Materialized<String, V, WindowStore<Bytes, byte[]>> kept(Serde<V> serde) {
        return Materialized.<String, V, WindowStore<Bytes, byte[]>>as("windows").withRetention(KEPT)
                .withKeySerde(Serdes.String()).withValueSerde(serde).withCachingDisabled();
    }
}
