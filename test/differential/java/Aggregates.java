package judge;

import static judge.Stateless.input;

import java.util.Map;
import judge.Topologies.Topology;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.KeyValueStore;

/** Folds of a stream by key, without windows. */
final class Aggregates {
    private Aggregates() {}

    static void addTo(Map<String, Topology> all) {
        all.put("count", (b, p) -> numbers(input(b).groupByKey().count(longs())));
        all.put("count-by-new-key", (b, p) -> numbers(input(b)
                .groupBy((key, value) -> value, Grouped.as("by-value")).count(longs())));
        all.put("count-after-select-key", (b, p) -> numbers(input(b)
                .selectKey((key, value) -> value).groupByKey(Grouped.as("by-value")).count(longs())));
        all.put("reduce", (b, p) -> input(b).groupByKey()
                .reduce((all1, value) -> all1 + "," + value, texts()).toStream().to("out"));
        all.put("aggregate", (b, p) -> input(b).groupByKey()
                .aggregate(() -> "", (key, value, text) -> text + key + value + ";", texts()).toStream().to("out"));
        // An aggregate that is deleted, and begins again with what comes next.
        all.put("aggregate-to-null", (b, p) -> input(b).groupByKey()
                .aggregate(() -> "", (key, value, text) -> value.equals("1") ? null : text + value, texts())
                .toStream().to("out"));
        all.put("count-to-filter", (b, p) -> numbers(input(b).groupByKey().count(longs())
                .filter((key, count) -> count % 2 == 0)));
    }

    static void numbers(KTable<String, Long> table) {
        table.toStream().mapValues(count -> count == null ? null : Long.toString(count)).to("out");
    }

    static Materialized<String, Long, KeyValueStore<Bytes, byte[]>> longs() {
        return Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as("store")
                .withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()).withCachingDisabled();
    }

    static Materialized<String, String, KeyValueStore<Bytes, byte[]>> texts() {
        return texts("store");
    }

    static Materialized<String, String, KeyValueStore<Bytes, byte[]>> texts(String store) {
        return Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as(store)
                .withKeySerde(Serdes.String()).withValueSerde(Serdes.String()).withCachingDisabled();
    }
}
