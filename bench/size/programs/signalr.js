import { HubConnectionBuilder } from "@microsoft/signalr";

const connection = new HubConnectionBuilder().withUrl("http://localhost:3000/math").build();
await connection.start();
document.body.append(await connection.invoke("add", 1, 2));
