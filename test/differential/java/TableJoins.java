package judge;

import static judge.Aggregates.texts;
import static judge.Tables.table;

import java.util.Map;
import judge.Topologies.Topology;
import org.apache.kafka.streams.kstream.KTable;

/** Tables with tables, by the same key. */
final class TableJoins {
    private TableJoins() {}

    static void addTo(Map<String, Topology> all) {
        all.put("table-join", (b, p) -> out(
                table(b, "table").join(table(b, "other"), TableJoins::joined, texts("joined"))));
        all.put("table-left-join", (b, p) -> out(
                table(b, "table").leftJoin(table(b, "other"), TableJoins::joined, texts("joined"))));
        all.put("table-outer-join", (b, p) -> out(
                table(b, "table").outerJoin(table(b, "other"), TableJoins::joined, texts("joined"))));
        all.put("table-outer-join-of-filtered", (b, p) -> out(notTwo(table(b, "table"))
                .outerJoin(notTwo(table(b, "other")).mapValues(value -> value + "!"), TableJoins::joined,
                        texts("joined"))));
        all.put("table-join-of-joined", (b, p) -> {
            KTable<String, String> left = table(b, "table");
            KTable<String, String> right = table(b, "other");
            out(left.join(right, TableJoins::joined, texts("joined"))
                    .leftJoin(right.filter((key, value) -> !value.equals("2")), TableJoins::joined, texts("again")));
        });
    }

    private static KTable<String, String> notTwo(KTable<String, String> table) {
        return table.filter((key, value) -> !value.equals("2"));
    }

    private static void out(KTable<String, String> table) {
        table.toStream().to("out");
    }

    private static String joined(String value, String other) {
        return value + "|" + other;
    }
}
