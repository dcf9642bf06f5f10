/** Where Nginx is; `NGINX_PATH` says otherwise. The cluster example starts it, and looks there, too. */
export const nginxPath: string = process.env["NGINX_PATH"] ?? "/usr/sbin/nginx";
