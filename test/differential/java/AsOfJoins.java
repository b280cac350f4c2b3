package judge;

import static judge.Stateless.input;

import java.util.Map;
import judge.Topologies.Topology;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.Stores;

/** Streams with versioned tables: each record with the row of its time. */
final class AsOfJoins {
    private AsOfJoins() {}

    static void addTo(Map<String, Topology> all) {
        all.put("as-of-join", (b, p) -> input(b).join(versioned(b, p), AsOfJoins::joined).to("out"));
        all.put("as-of-left-join", (b, p) -> input(b).leftJoin(versioned(b, p), AsOfJoins::joined).to("out"));
        all.put("as-of-join-with-filtered", (b, p) -> input(b).leftJoin(
                versioned(b, p).filter(Stateless::passes).mapValues(value -> value + "!"), AsOfJoins::joined)
                .to("out"));
    }

    private static KTable<String, String> versioned(StreamsBuilder builder, Parameters parameters) {
        return builder.table("table", Materialized.<String, String>as(
                        Stores.persistentVersionedKeyValueStore("rows", parameters.duration("historyMs")))
                .withKeySerde(Serdes.String()).withValueSerde(Serdes.String()));
    }

    private static String joined(String value, String row) {
        return value + "|" + row;
    }
}
