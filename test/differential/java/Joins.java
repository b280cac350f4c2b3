package judge;

import static judge.Aggregates.texts;
import static judge.Stateless.input;
import static judge.Tables.table;

import java.util.Map;
import java.util.function.Function;
import judge.Topologies.Topology;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.GlobalKTable;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KTable;

/** Streams with tables, with global tables, and tables by a foreign key. */
final class Joins {
    private Joins() {}

    static void addTo(Map<String, Topology> all) {
        all.put("join", (b, p) -> input(b).join(table(b, "table"), Joins::joined).to("out"));
        all.put("left-join", (b, p) -> input(b).leftJoin(table(b, "table"), Joins::joined).to("out"));
        all.put("join-with-filtered", (b, p) -> input(b)
                .leftJoin(table(b, "table").filter(Stateless::passes).mapValues(value -> value + "!"), Joins::joined)
                .to("out"));
        all.put("join-by-new-key", (b, p) -> input(b).selectKey((key, value) -> value)
                .join(table(b, "table"), Joins::joined, Joined.as("by-value")).to("out"));
        all.put("join-with-counts", (b, p) -> input(b).leftJoin(
                b.<String, String>stream("table").groupByKey().count(Aggregates.longs()),
                (value, count) -> value + "|" + count).to("out"));
        all.put("join-with-itself", (b, p) -> {
            KTable<String, String> table = table(b, "table");
            table.toStream().leftJoin(table, Joins::joined).to("out");
        });
        all.put("global-join", (b, p) -> input(b).join(global(b), (key, value) -> value, Joins::joined).to("out"));
        all.put("global-left-join", (b, p) -> input(b)
                .leftJoin(global(b), (key, value) -> value, Joins::joined).to("out"));
        all.put("global-join-by-key", (b, p) -> input(b)
                .join(global(b), (key, value) -> key, Joins::joined).to("out"));
        all.put("foreign-key-join", (b, p) -> table(b, "table")
                .join(table(b, "other"), foreignKey(), Joins::joined, texts("joined")).toStream().to("out"));
        all.put("foreign-key-left-join", (b, p) -> table(b, "table")
                .leftJoin(table(b, "other"), foreignKey(), Joins::joined, texts("joined")).toStream().to("out"));
        all.put("foreign-key-join-of-filtered", (b, p) -> table(b, "table").filter((key, value) -> !value.equals("2"))
                .join(table(b, "other").filter((key, value) -> !value.equals("2")), foreignKey(), Joins::joined,
                        texts("joined"))
                .toStream().to("out"));
    }

    private static GlobalKTable<String, String> global(StreamsBuilder builder) {
        return builder.globalTable("table", Consumed.with(Serdes.String(), Serdes.String()), texts("rows"));
    }

    /** A row points to the key that its value's first letter names; one without letters points nowhere. */
    private static Function<String, String> foreignKey() {
        return value -> value.isEmpty() ? null : value.substring(0, 1);
    }

    private static String joined(String value, String other) {
        return value + "|" + other;
    }
}
