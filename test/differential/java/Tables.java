package judge;

import static judge.Aggregates.longs;
import static judge.Aggregates.numbers;
import static judge.Aggregates.texts;

import java.time.Duration;
import java.util.Map;
import java.util.function.Function;
import judge.Topologies.Topology;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedTable;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** Tables and folds of tables. A table's name that ends in "-versioned" orders updates by their time (KIP-889). */
final class Tables {
    private static final Duration HISTORY = Duration.ofDays(1);

    private Tables() {}

    private interface Rest {
        void follow(KTable<String, String> table);
    }

    static void addTo(Map<String, Topology> all) {
        both(all, "table", table -> table.toStream().to("out"));
        both(all, "table-filter", table -> table.filter(Stateless::passes).toStream().to("out"));
        both(all, "table-filter-not", table -> table.filterNot(Stateless::passes).toStream().to("out"));
        both(all, "table-map-values", table -> table.mapValues(Tables::mapped).toStream().to("out"));
        both(all, "table-filter-map-filter", table -> table.filter((key, value) -> !value.equals("2"))
                .mapValues(Tables::mapped).filterNot((key, value) -> value == null || value.equals("3!"))
                .toStream().to("out"));
        both(all, "table-count", table -> numbers(grouped(table).count(longs())));
        both(all, "table-reduce", table -> grouped(table)
                .reduce((text, value) -> text + "+" + value, (text, value) -> text + "-" + value, texts())
                .toStream().to("out"));
        both(all, "table-aggregate", table -> grouped(table).aggregate(() -> "",
                (key, value, text) -> text + "+" + value,
                (key, value, text) -> value.equals("12") ? null : text + "-" + value, texts())
                .toStream().to("out"));
        both(all, "table-count-of-filtered", table ->
                numbers(grouped(table.filter(Stateless::passes)).count(longs())));
        to(all, "to-table", b -> b.stream("table"));
        to(all, "to-table-by-new-key", b ->
                b.<String, String>stream("table").selectKey((key, value) -> key == null ? null : key + "!"));
    }

    private static void both(Map<String, Topology> all, String name, Rest rest) {
        all.put(name, (b, p) -> rest.follow(table(b, "table")));
        all.put(name + "-versioned", (b, p) -> rest.follow(b.table("table", versioned())));
    }

    private static void to(
            Map<String, Topology> all, String name, Function<StreamsBuilder, KStream<String, String>> from) {
        all.put(name, (b, p) -> from.apply(b).toTable(texts()).toStream().to("out"));
        all.put(name + "-versioned", (b, p) -> from.apply(b).toTable(versioned()).toStream().to("out"));
    }

    private static Materialized<String, String, KeyValueStore<Bytes, byte[]>> versioned() {
        return Materialized.<String, String>as(Stores.persistentVersionedKeyValueStore("rows", HISTORY))
                .withKeySerde(Serdes.String()).withValueSerde(Serdes.String());
    }

    static KTable<String, String> table(StreamsBuilder builder, String topic) {
        return builder.table(topic, texts("rows-of-" + topic));
    }

    /** By the value's first letter. */
    private static KGroupedTable<String, String> grouped(KTable<String, String> table) {
        return table.groupBy((key, value) -> new KeyValue<>(value.isEmpty() ? null : value.substring(0, 1), value),
                Grouped.as("by-first-letter"));
    }

    private static String mapped(String value) {
        return value.equals("1") ? null : value + "!";
    }
}
