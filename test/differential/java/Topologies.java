package judge;

import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.streams.StreamsBuilder;

/** Every topology of the test by its name; the same names stand in ../topologies. */
final class Topologies {
    interface Topology {
        void build(StreamsBuilder builder, Parameters parameters);
    }

    private static final Map<String, Topology> ALL = new TreeMap<>();

    static {
        Stateless.addTo(ALL);
        Aggregates.addTo(ALL);
        Cogroups.addTo(ALL);
        Windows.addTo(ALL);
        OverlappingWindows.addTo(ALL);
        FinalResults.addTo(ALL);
        Tables.addTo(ALL);
        Joins.addTo(ALL);
        TableJoins.addTo(ALL);
        AsOfJoins.addTo(ALL);
        StreamJoins.addTo(ALL);
        Processors.addTo(ALL);
        Errors.addTo(ALL);
    }

    private Topologies() {}

    static Topology named(String name) {
        Topology topology = ALL.get(name);
        if (topology == null) throw new IllegalArgumentException("no topology " + name + " of " + ALL.keySet());
        return topology;
    }
}
